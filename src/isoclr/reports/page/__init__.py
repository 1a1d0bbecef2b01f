"""The report as one page: tables and figures in the paper's order, and no request to anywhere."""

from isoclr.reports.page.document import PAGE, check_page, write_page

__all__ = ["PAGE", "check_page", "write_page"]
