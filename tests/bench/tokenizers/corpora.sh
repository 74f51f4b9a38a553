#!/usr/bin/env bash
# Makes the texts that compare.py measures, of Debian packages: corpora.sh FOLDER writes en.txt (100 MB and more of manuals, a dictionary and help),
# ja.txt (manual pages, handbooks and help in Japanese) and code.txt (Python) there. Needs apt-get, dpkg and python3; what it loads is kept in
# FOLDER/packages.
set -euo pipefail
(($# == 1)) || {
  echo "usage: corpora.sh FOLDER" >&2
  exit 1
}
mkdir -p "$1/packages"
cd "$1"

# Unpacks a language's packages into a folder of its name.
unpack() {
  local language=$1 package
  shift
  mkdir -p "$language"
  for package in "$@"; do
    ls packages/"$package"_*.deb >/dev/null 2>&1 || (cd packages && apt-get download -qq "$package")
    dpkg -x packages/"$package"_*.deb "$language"
  done
}
unpack en linux-doc-6.1 perl-doc dict-gcide postgresql-doc-15 debian-reference-en libreoffice-help-en-us manpages-dev
unpack ja manpages-ja debian-reference-ja libreoffice-help-ja gimp-help-ja
unpack code libpython3.11-stdlib libpython3.11-testsuite

# Prints what is to be read in a folder's files of text, compressed or not; of pages only what stands between tags.
text_of() {
  python3 - "$@" <<'PYTHON'
import gzip, html, pathlib, re, sys
folder, *endings = sys.argv[1:]
files = sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file() and not p.is_symlink())
for path in files:
    name = path.name
    for packed in (".gz", ".dz"):
        name = name.removesuffix(packed)
    if not any(name.endswith(e) for e in endings) and "/man/" not in str(path):
        continue
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")
    if name.endswith(("html", "htm")):
        text = re.sub(r"(?s)<(script|style|head|nav)\b.*?</\1>|<!--.*?-->|<[^>]*>", "", text)
        text = re.sub(r"\n\s*\n+", "\n\n", html.unescape(text))
    sys.stdout.buffer.write(text.encode())
PYTHON
}
text_of en .rst .pod .dict .html .txt >en.txt
text_of ja .html .txt >ja.txt
text_of code .py >code.txt
wc -c en.txt ja.txt code.txt
