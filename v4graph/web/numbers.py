"""Numbers in addresses: of no more digits than the store of a number takes."""

from __future__ import annotations

from starlette.convertors import IntegerConvertor, register_url_convertor

NUMBER = "number"
"""What comes after the colon in a route; an address with a longer number is not one of that route."""


class _Number(IntegerConvertor):
    regex = "[0-9]{1,15}"


register_url_convertor(NUMBER, _Number())
