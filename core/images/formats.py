"""Image formats: those that are decoded, those that are recognized only, and their file endings."""

import re

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF")
"""Formats that Pillow may decode: an EPS named .jpg would start Ghostscript.

MPO files of phones are JPEGs with more images after the first; Pillow's JPEG reader decodes them,
and "MPO" in this list would be a KeyError."""

NAMES = "JPEG, PNG, WebP, HEIC, AVIF, JPEG 2000, TIFF, BMP, GIF or PPM"
"""The formats as users know them."""

EXTENSIONS = (
    *(".jpg", ".jpeg", ".png", ".webp", ".heic", ".avif", ".tif", ".tiff", ".gif", ".bmp", ".jp2"),
    *(".jpe", ".jfif", ".mpo", ".apng", ".heif", ".hif", ".dib", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
)
"""Suffixes of files in `FORMATS`, in lower case."""

SUFFIXES = {"JPEG2000": ".jp2"}
"""Format → suffix, where it is not the format's name."""

RAW = "a raw file of a camera"
RAW_EXTENSIONS = (
    *(".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".dng", ".raf", ".orf"),
    *(".rw2", ".rwl", ".pef", ".srw", ".x3f", ".3fr", ".fff", ".iiq", ".erf", ".mef"),
    *(".mrw", ".dcr", ".kdc"),
)

OTHER_KINDS = {
    RAW: RAW_EXTENSIONS,
    "a JPEG XL image": (".jxl",),
    "a JPEG XR image": (".jxr", ".wdp", ".hdp"),
    "an SVG drawing": (".svg", ".svgz"),
    "a PDF document": (".pdf",),
    "a DjVu document": (".djvu", ".djv"),
    "a PostScript drawing": (".eps",),
    "a Windows metafile": (".wmf", ".emf"),
    "a Photoshop file": (".psd", ".psb"),
    "a GIMP file": (".xcf",),
    "a Krita file": (".kra",),
    "an icon": (".ico", ".icns", ".cur"),
    "a Targa image": (".tga",),
    "a PCX image": (".pcx",),
    "an SGI image": (".sgi",),
    "a PICT image": (".pict",),
    "a DirectDraw texture": (".dds",),
    "an OpenEXR image": (".exr",),
    "a portable float map": (".pfm",),
    "a portable arbitrary map": (".pam",),
    "an X bitmap": (".xbm", ".xpm"),
    "a QOI image": (".qoi",),
    "a BPG image": (".bpg",),
    "a DICOM image": (".dcm", ".dicom"),
    "a FITS image": (".fits",),
    "a MNG animation": (".mng",),
}
"""Kinds of images that are not supported → suffixes of their files, in lower case, unless files of
other kinds have them too."""

UNSUPPORTED_EXTENSIONS = tuple(ending for endings in OTHER_KINDS.values() for ending in endings)

KNOWN_HEADS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|BM....\0\0\0\0|GIF8[79]a|II[*+]\0|MM\0[*+]"
    rb"|P[1-6]\s|\0\0\0\x0cjP  |\xff\x4f\xff\x51"
    rb"|....ftyp(hei[cmsx]|hev[cmsx]|mi[fa]1|msf1|avi[fs])",
    re.DOTALL,
)
"""How files of the supported formats begin."""

PARSED_IN_PYTHON = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|BM|GIF8[79]a|II\*\0|MM\0\*|P[1-6]\s", re.DOTALL
)
"""How files begin whose header Pillow parses in Python, so that it cannot crash."""

OTHER_HEADS = {
    RAW: (
        rb"II\*\0....CR|....ftypcrx|FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|FOVb|\0MRM"
        rb"|II\x1a\0\0\0HEAPCCDR"
    ),
    "a JPEG XL image": rb"\0\0\0\x0cJXL |\xff\x0a",
    "a JPEG XR image": rb"II\xbc",
    "an SVG drawing": rb".*<svg",
    "a PDF document": rb"%PDF",
    "a DjVu document": rb"AT&TFORM",
    "a PostScript drawing": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a Photoshop file": rb"8BP[SB]",
    "a GIMP file": rb"gimp xcf",
    "an icon": rb"icns|\0\0[\x01\x02]\0[\x01-\xff]\0..[\0-\xff]\0",
    "a DirectDraw texture": rb"DDS ",
    "an OpenEXR image": rb"v/1\x01",
    "a Radiance image": rb"#\?RADIANCE",
    "a portable float map": rb"P[Ff]\n",
    "a portable arbitrary map": rb"P7\n",
    "a QOI image": rb"qoif",
    "a BPG image": rb"BPG\xfb",
    "a DICOM image": rb".{128}DICM",
    "a FITS image": rb"SIMPLE  =",
    "a MNG animation": rb"\x8aMNG",
}
"""Kinds of images that are not supported → how their files begin."""

ADVICE = {
    RAW: "Export it as JPEG or TIFF from a photo program, and import that.",
    "an SVG drawing": "Export it as PNG and use that.",
    "a PDF document": "Export its pages as PNG or JPEG and use those.",
    "a DjVu document": "Export its pages as PNG or JPEG and use those.",
}
"""What to do with some of these kinds."""

CONVERT = "Convert it to JPEG or PNG and use that."
"""What to do with the others."""


def other_kind(name: str, head: bytes) -> str | None:
    """Return which unsupported kind of image a file is by its first bytes or its suffix, or None.

    Args:
        name: Name of the file.
        head: Its first bytes, 512 or all of them.
    """
    for kind, beginning in OTHER_HEADS.items():
        if re.match(beginning, head, re.DOTALL | re.IGNORECASE):
            return kind
    if KNOWN_HEADS.match(head):
        return None
    return kind_of_name(name)


def kind_of_name(name: str) -> str | None:
    """Return which unsupported kind of image a file is by its suffix, or None."""
    lower = name.lower()
    return next((kind for kind, endings in OTHER_KINDS.items() if lower.endswith(endings)), None)
