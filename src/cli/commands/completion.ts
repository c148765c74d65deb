import { Argument, type Command } from 'commander'
import { formatCompletionScript, SHELLS } from '../command-line/completion-scripts.ts'
import type { Io } from '../io.ts'

const EXAMPLES = `
Examples:
  berth completion bash > /etc/bash_completion.d/berth
  berth completion fish > ~/.config/fish/completions/berth.fish

The packages for Debian and Fedora install these scripts.`

/** `berth completion`. `program` holds all commands when it runs. */
export function addCompletionCommand(program: Command, io: Io): void {
  program
    .command('completion')
    .description('Print the script by which a shell completes commands and flags.')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: (typeof SHELLS)[number]) => {
      io.stdout.write(formatCompletionScript(program, shell))
    })
}
