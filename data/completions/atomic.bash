# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of atomic for bash: the program itself knows what a word can become.  Where it offers nothing bash offers
# file names.
_atomic()
{
  local line=${COMP_LINE:0:COMP_POINT} words typed
  read -ra words <<< "$line"
  [[ $line != *[[:space:]] ]] || words+=('')
  typed=${words[-1]}
  mapfile -t COMPREPLY < <("${words[0]}" __complete "${words[@]:1}" 2> /dev/null)
  # Of a word with one of these in it bash completes only what follows the last.
  COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*[:=]}"}"}")
}
complete -o bashdefault -o default -F _atomic atomic
