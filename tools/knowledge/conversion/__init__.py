"""Documents as Markdown: HTML, PDF and DOCX. Knows neither Django nor the knowledge base.

Files come from strangers, and the libraries that read them are large. They run in a process of
their own (`child`), which has no secrets, little memory and little time (`converter`).
"""
