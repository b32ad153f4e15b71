#!/usr/bin/env bash
# Prints every relative link in a tracked Markdown file whose file, or whose heading in it, does not exist,
# and every page that a source file names and that does not exist.
set -euo pipefail
cd "$(dirname "$0")/.."

# The anchors GitHub gives the headings of a page.
anchors() {
  sed '/^```/,/^```/d' "$1" | sed -n 's/^#\{1,6\} *//p' | tr '[:upper:]' '[:lower:]' |
    sed -e 's/[^[:alnum:] _-]//g' -e 's/ /-/g'
}

git ls-files '*.md' | while read -r page; do
  sed '/^```/,/^```/d' "$page" | { grep -oE '\]\([^) ]+\)' || true; } | sed -e 's/^](//' -e 's/)$//' | sort -u |
    while read -r link; do
      case $link in http://* | https://* | mailto:*) continue ;; esac
      file=${link%%#*} anchor=
      [[ $link != *'#'* ]] || anchor=${link#*#}
      target=$page
      [ -z "$file" ] || target=$(dirname "$page")/$file
      if [ ! -e "$target" ]; then
        echo "$page: ($link): there is no $target"
      elif [ -n "$anchor" ] && ! anchors "$target" | grep -qxF -- "$anchor"; then
        echo "$page: ($link): $target has no such heading"
      fi
    done
done

git grep -noE '\bdocs/[a-z0-9_/-]+\.md' -- ':!*.md' | while IFS=: read -r source line page; do
  [ -e "$page" ] || echo "$source:$line: there is no $page"
done
