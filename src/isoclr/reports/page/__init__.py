"""The report as one page: tables and figures in the paper's order, and no request to anywhere."""

from isoclr.reports.page.document import write_page

__all__ = ["write_page"]
