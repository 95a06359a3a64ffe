"""Tables as files: CSV (RFC 4180) and XLSX (one sheet, real dates and numbers), nothing in them ever a formula.

A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe before it in CSV, for
programs that would calculate it; in XLSX it is stored as text and stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

Cell = str | int | float | date | None
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LONGEST = 32_000
"""Characters a cell of XLSX may have, nearly."""
_FIRST_DAY = date(1900, 3, 1)
"""Spreadsheets count days from 1900 and believe in 29 February 1900: earlier days stay text."""


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as CSV in UTF-8."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    write([_harmless(cell) for cell in head])
    for row in rows:
        write([_harmless(cell) for cell in row])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _harmless(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_RISKY) else cell
    return cell.isoformat() if isinstance(cell, date) else cell


def xlsx_bytes(title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as a workbook of one sheet; the same table gives the same bytes."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31] or "v4graph")
    sheet.freeze_panes = "B2"
    table = [list(row) for row in rows]
    for number, name in enumerate(head):
        longest = max([len(name), *(len(str(row[number])) for row in table[:200] if row[number] is not None)])
        sheet.column_dimensions[get_column_letter(number + 1)].width = min(48, longest + 3)
    sheet.auto_filter.ref = f"A1:{get_column_letter(max(1, len(head)))}{len(table) + 1}"

    def cell(value: Cell, *, bold: bool = False) -> Any:
        if value is None or value == "":
            return None
        if isinstance(value, date) and value < _FIRST_DAY:
            value = value.isoformat()
        if isinstance(value, str):
            made = WriteOnlyCell(sheet, _NOT_IN_XML.sub("\ufffd", value)[:_LONGEST])
            made.data_type = "s"  # else what begins with = would be a formula
        else:
            made = WriteOnlyCell(sheet, value)  # type: ignore[arg-type]  # days are taken, too
            if isinstance(value, date):
                made.number_format = "yyyy-mm-dd"
        if bold:
            made.font = Font(bold=True)
            made.alignment = Alignment(vertical="top")
        return made

    sheet.append([cell(name, bold=True) for name in head])
    for row in table:
        sheet.append([cell(value) for value in row])
    whole = io.BytesIO()
    book.save(whole)
    return _timeless(whole)


_DAY = "2000-01-01T00:00:00Z"


def _timeless(book: io.BytesIO) -> bytes:
    """The workbook without the moment it was made, so that its entity tag is true."""
    made = io.BytesIO()
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", _DAY.encode(), content)
            new.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
