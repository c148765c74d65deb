import type { Command } from 'commander'

/** Shells that have a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Words that may follow a command, by the words that lead to it: `berth user`. */
type Words = ReadonlyMap<string, readonly string[]>

/** The script that completes commands and flags in a shell. Arguments are completed as file names. */
export function formatCompletionScript(program: Command, shell: (typeof SHELLS)[number]): string {
  const words = listWords(program)
  return shell === 'fish' ? formatFish(words) : shell === 'zsh' ? formatZsh(words) : formatBash(words)
}

function listWords(program: Command): Words {
  const common = program.options.map((option) => option.long ?? '').filter(Boolean)
  const found = new Map<string, readonly string[]>()
  const visit = (command: Command, path: string): void => {
    const own = command.options.map((option) => option.long ?? '').filter(Boolean)
    const inner = command.commands.map((each) => each.name())
    found.set(path, [...new Set([...inner, ...own, ...common, '--help'])])
    for (const each of command.commands) visit(each, `${path} ${each.name()}`)
  }
  visit(program, program.name())
  return found
}

/** Commands below the first word, as patterns of a shell's `case`. */
function toPattern(words: Words): string {
  return [...words.keys()]
    .slice(1)
    .map((path) => `'${path}'`)
    .join(' | ')
}

/** Sets `words` to what may follow `path`, in the language of bash and zsh. */
function formatCases(words: Words, list: (each: readonly string[]) => string): string {
  return [...words].map(([path, each]) => `    '${path}') ${list(each)} ;;`).join('\n')
}

function formatBash(words: Words): string {
  return `# Completion of berth for bash; made by: berth completion bash
_berth() {
  local path=berth words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${toPattern(words)}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case $path in
${formatCases(words, (each) => `words='${each.join(' ')}'`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _berth berth
`
}

function formatZsh(words: Words): string {
  return `#compdef berth
# Completion of berth for zsh; made by: berth completion zsh
_berth() {
  local path_=berth i
  local -a words_
  for ((i = 2; i < CURRENT; i++)); do
    case "$path_ $words[i]" in
      ${toPattern(words)}) path_="$path_ $words[i]" ;;
    esac
  done
  case $path_ in
${formatCases(words, (each) => `words_=(${each.join(' ')})`)}
  esac
  compadd -a words_ || _files
}
if [ "$funcstack[1]" = _berth ]; then _berth "$@"; else compdef _berth berth; fi
`
}

function formatFish(words: Words): string {
  const lines = [...words].map(
    ([path, each]) => `complete -c berth -n '__berth_at "${path}"' -a '${each.join(' ')}'`,
  )
  return `# Completion of berth for fish; made by: berth completion fish
function __berth_at
  set -l path berth
  for word in (commandline -opc)[2..]
    if contains -- "$path $word" ${[...words.keys()]
      .slice(1)
      .map((path) => `'${path}'`)
      .join(' ')}
      set path "$path $word"
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`
}
