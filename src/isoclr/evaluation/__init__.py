"""The paper's tables and figures from one plan, and the HTML page that shows them."""
