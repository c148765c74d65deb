import type { AccessDocument } from './access-document.ts'

/** A document in the form that `parseAccessDocument()` reads: that of files and of the admin API. */
interface FileForm {
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly rules: readonly {
    readonly who: string
    readonly where: string
    readonly what: readonly string[]
  }[]
  readonly visibility: Readonly<Record<string, string>>
}

/** The document in that form. No list is shared, so that YAML has no aliases. */
export function toFileForm({ groups, rules, visibility }: AccessDocument): FileForm {
  return {
    groups: Object.fromEntries(groups.map(({ name, members }) => [name, members])),
    rules: rules.map(({ who, where, what }) => ({ who, where, what: [...what] })),
    visibility: Object.fromEntries(visibility.map(({ where, visibility: level }) => [where, level])),
  }
}
