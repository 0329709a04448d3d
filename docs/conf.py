"""Documentation by Sphinx: ``make docs`` builds it into docs/_build/html."""

from agentspace import __name__ as project
from agentspace.version import __version__ as release

author = "The agentspace authors"
copyright = "2026, the agentspace authors"  # noqa: A001  (Sphinx calls it that)
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "code"  # in docstrings `name` is code
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_rtype = False
python_use_unqualified_type_names = True
# The documentation of the standard library and of NumPy is not at hand when this is built without a network.
nitpick_ignore_regex = [
    ("py:class", r"(collections.abc|logging|numpy|pathlib)\..*"),
    ("py:class", r"(.*\.)?[DTV]"),
]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["screens.css"]
