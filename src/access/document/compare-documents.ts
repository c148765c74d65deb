import type { AccessDocument } from './access-document.ts'

/** The parts of two documents that differ: of each list the entries that the other document does not have. */
export function compareDocuments(
  before: AccessDocument,
  after: AccessDocument,
): { readonly before: AccessDocument; readonly after: AccessDocument } {
  return { before: without(before, after), after: without(after, before) }
}

function without(document: AccessDocument, other: AccessDocument): AccessDocument {
  return {
    groups: leave(document.groups, other.groups),
    rules: leave(document.rules, other.rules),
    visibility: leave(document.visibility, other.visibility),
  }
}

function leave<T>(entries: readonly T[], others: readonly T[]): T[] {
  const known = new Set(others.map((entry) => JSON.stringify(entry)))
  return entries.filter((entry) => !known.has(JSON.stringify(entry)))
}
