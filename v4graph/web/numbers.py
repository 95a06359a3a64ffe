"""Numbers in addresses: of no more digits than the store of a number takes."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor

NUMBER = "number"
"""What comes after the colon in a route; an address with a longer number is not one of that route."""


class _Number(Convertor[int]):
    regex = "[0-9]{1,15}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor(NUMBER, _Number())
