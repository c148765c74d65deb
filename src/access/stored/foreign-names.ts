/** True for subjects without an id in this database: everyone, lines of htpasswd files, groups of a directory. */
export function isStoredAsItIs(subject: string): boolean {
  return (
    subject === 'anonymous' ||
    subject === 'signed-in' ||
    subject.startsWith('htpasswd:') ||
    subject.startsWith('directory:')
  )
}
