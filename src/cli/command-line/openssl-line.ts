/**
 * Makes one argument of an openssl line that was pasted behind `berth cert csr` without quotes: its options are not
 * Berth's. Other command lines stay as they are.
 */
export function gatherOpensslLine(argv: readonly string[]): readonly string[] {
  const csr = argv.indexOf('csr')
  const start = csr < 0 ? -1 : argv.indexOf('openssl', csr)
  if (start < 0 || argv[csr - 1] !== 'cert') return argv
  return [...argv.slice(0, start), argv.slice(start).map(quoteWord).join(' ')]
}

/** A word quoted for a shell if needed: a star must not become the names of files. */
export function quoteWord(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
