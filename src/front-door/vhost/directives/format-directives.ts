import type { Support } from './directive-entry.ts'
import { DIRECTIVES } from './directive-table.ts'

const WORDS: Readonly<Record<Support, string>> = {
  full: 'yes',
  part: 'in part',
  'no-op': 'taken, does nothing',
  missing: 'no, with a warning',
  refused: 'refused: closes the host',
}

/** The table of docs/front-door.md. */
export function formatDirectiveTable(): string {
  const rows = DIRECTIVES.filter(({ support }) => support !== 'no-op').map(
    ({ name, support, contexts, note }) =>
      `| \`${name}\` | ${WORDS[support]} | ${support === 'refused' ? '' : contexts.join(', ')} | ${note} |`,
  )
  const passedOver = DIRECTIVES.filter(({ support }) => support === 'no-op')
  return [
    '| Directive | Here | Where | |',
    '|---|---|---|---|',
    ...rows,
    '',
    'Taken, and of no effect:',
    '',
    ...passedOver.filter(({ note }) => note !== '').map(({ name, note }) => `- \`${name}\`: ${note}`),
    `- ${passedOver
      .filter(({ note }) => note === '')
      .map(({ name }) => `\`${name}\``)
      .join(', ')}`,
    '',
  ].join('\n')
}
