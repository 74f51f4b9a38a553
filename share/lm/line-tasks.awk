# Makes tasks of writing a missing line from files of code. awk -v step=list -f line-tasks.awk FILE... prints each line that can
# be one, as FILE<tab>NUMBER<tab>LINE. With step=tasks and some of these lines as the first file, it prints a JSON object for
# each: the text before it (prompt), the text after it (suffix) and the line itself (canonical_solution).

# Returns a text with every `from` replaced by `to`: what gsub makes of backslashes differs from awk to awk.
function replaced(text, from, to,  parts, count, result, i) {
  count = split(text, parts, from)
  result = parts[1]
  for (i = 2; i <= count; i++) result = result to parts[i]
  return result
}

# Returns a text as it is written in a string of JSON.
function quoted(text) {
  text = replaced(text, "[\\\\]", "\\\\")
  text = replaced(text, "[\"]", "\\\"")
  text = replaced(text, "[\t]", "\\t")
  text = replaced(text, "[\r]", "\\r")
  text = replaced(text, "[\f]", "\\f")
  return replaced(text, "[\001-\037]", "?")
}

function print_tasks(  i, j, number, first, last, prompt, suffix) {
  for (i = 1; i <= wanted_lines[file]; i++) {
    number = wanted[file, i]
    first = number > around ? number - around : 1
    last = number + around < count ? number + around : count
    prompt = suffix = ""
    for (j = first; j < number; j++) prompt = prompt quoted(line[j]) "\\n"
    for (j = number + 1; j <= last; j++) suffix = suffix "\\n" quoted(line[j])
    printf "{\"task_id\":\"%s:%d\",\"prompt\":\"%s\",\"suffix\":\"%s\\n\",\"canonical_solution\":\"%s\"}\n",
      quoted(file), number, prompt, suffix, quoted(line[number])
  }
}

BEGIN {
  FS = "\t"
  if (!around) around = 40
}

# A line of the list is code in printable ASCII that is not all comment, with lines before it in its file.
step == "list" {
  if (FNR > 10 && $0 !~ /[^ -~]/ && $0 ~ /[a-z]/ && $0 !~ /^ *(#|\/\/|\*|\/\*)/) print FILENAME "\t" FNR "\t" $0
  next
}

FNR == NR {
  wanted[$1, ++wanted_lines[$1]] = $2
  next
}
FNR == 1 {
  if (file != "") print_tasks()
  file = FILENAME
}
{ line[FNR] = $0; count = FNR }
END { if (step == "tasks" && file != "") print_tasks() }
