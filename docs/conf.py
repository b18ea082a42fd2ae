"""How Sphinx builds the site. ``docs/build.py`` stages the pages and calls it; nothing here asks another host."""

from importlib import import_module

project = "Pourparler"
author = "The Pourparler contributors"
copyright = author  # noqa: A001  Sphinx wants this name
version = release = import_module("pourparler").__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
root_doc = "index"
exclude_patterns = [".doctrees"]

# Pages are written for the repository first: plain Markdown, links between headings as GitHub and others make them.
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a page may begin below a second-level heading
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
add_module_names = False
toc_object_entries = False

html_theme = "furo"
html_title = f"Pourparler {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path = []


def by_last_name(app, env, node, contnode):
    """Resolve ``:class:`Missing``` wherever exactly one thing of the reference has that name."""
    if node.get("refdomain") != "py" or not node.get("reftarget"):
        return None
    name = node["reftarget"].lstrip(".~")
    objects = env.domains["py"].objects
    found = {entry for entry in objects if entry == name or entry.endswith(f".{name}")}
    if len(found) != 1:
        return None
    (entry,) = found
    page = objects[entry]
    from sphinx.util.nodes import make_refnode

    return make_refnode(app.builder, node["refdoc"], page.docname, page.node_id, contnode, entry)


def setup(app):
    app.connect("missing-reference", by_last_name)
    return {"parallel_read_safe": True}
