"""Static files under ASGI."""

from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise for an async server.

    WhiteNoise is synchronous: as it is, Django would move every request into a thread and warn of
    each streamed file. Ours are small, so a file is read whole.
    """

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        super().__init__(get_response)
        self.next = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        static_file = (
            await sync_to_async(self.find_file)(request.path_info)
            if self.autorefresh
            else self.files.get(request.path_info)
        )
        if static_file is None:
            return await self.next(request)
        return await sync_to_async(self._read)(static_file, request)

    def _read(self, static_file: object, request: HttpRequest) -> HttpResponse:
        served = self.serve(static_file, request)
        response = HttpResponse(served.getvalue(), status=served.status_code)
        response.headers = served.headers
        served.close()
        return response
