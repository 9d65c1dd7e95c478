# ruff: noqa: RUF001, S104
"""Addresses that lead to this machine, however they are written."""

from tests.tools.knowledge.fetching.network import PUBLIC

HOSTS = [
    # Names and plain addresses of this machine
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1.2.3",
    "127.255.255.254",
    "0.0.0.0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    # Decimal, octal, hexadecimal, short and mixed forms of 127.0.0.1
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0X7F000001",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000177.0.0.1",
    "0x7f.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0177.1",
    "0",
    "0x0",
    "00",
    # The same in other digits and dots, which names are normalised from
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "ｌｏｃａｌｈｏｓｔ",
    "%31%32%37.0.0.1",
    "localhost%00.shop.example",
    # IPv4 inside IPv6
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::ffff:0.0.0.0]",
    "[::127.0.0.1]",  # IPv4-compatible
    "[64:ff9b::127.0.0.1]",  # NAT64
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",  # NAT64, local prefix
    "[64:ff9b:1:fffe::127.0.0.1]",
    "[2002:7f00:1::]",  # 6to4
    "[2002:7f00:0001::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",  # Teredo
    "[::1%25lo]",
    "[::1%lo]",
    # Names whose answers lead here
    "loopback.example",
    "loopback6.example",
    "mapped.example",
    "nat64.example",
    "sixtofour.example",
    "teredo.example",
    "unspecified.example",
    "two-answers.example",
    "public-then-loopback.example",
    "loopback-then-public.example",
    "xn--localhost-.example",
    # The user's part of an address looks like its host
    "shop.example@127.0.0.1",
    "shop.example:secret@localhost",
    "127.0.0.1@localhost",
]
"""Each is given the listener's port."""

URLS = [
    "http://localhost\\@shop.example:{port}/",
    "http://shop.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@shop.example/",
    "http://127.0.0.1:{port}?@shop.example/",
    "http://shop.example#@127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1\n:{port}/",
    "http://127.0.0.1 :{port}/",
    " http://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET",
    "file:///etc/passwd",
    "dict://127.0.0.1:{port}/info",
    "http://[::1:{port}/",
    "https://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
]

REDIRECTS = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://loopback.example:{port}/",
    "//127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "http://user@127.0.0.1:{port}/",
]
"""Where an honest site is made to send us on to."""

ANSWERS = {
    "localhost": [["127.0.0.1", "::1"]],
    "shop.example": [[PUBLIC]],
    "loopback.example": [["127.0.0.1"]],
    "loopback6.example": [["::1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "nat64.example": [["64:ff9b::7f00:1"]],
    "sixtofour.example": [["2002:7f00:1::1"]],
    "teredo.example": [["2001:0:4136:e378:8000:63bf:80ff:fffe"]],
    "unspecified.example": [["0.0.0.0"]],
    "two-answers.example": [["8.8.8.8", "127.0.0.1"]],
    "public-then-loopback.example": [[PUBLIC], ["127.0.0.1"]],
    "loopback-then-public.example": [["127.0.0.1"], [PUBLIC]],
}
