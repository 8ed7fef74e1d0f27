"""The report that training writes: one HTML file with drawings, in Chinese and English, that needs nothing else.

`figures` works out what is shown, `charts` draws it as SVG, `page` puts it together. No script, no font, no picture is
fetched: the file can be mailed and kept beside its model.
"""
