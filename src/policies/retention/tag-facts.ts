/** A tag of a repository, with facts about its image. Times are milliseconds since 1970. */
export interface TagFacts {
  readonly name: string
  readonly digest: string
  /** Last push of the tag. */
  readonly pushedAt: number
  /** Last pull of the image, by any tag or its digest. */
  readonly pulledAt: number | undefined
  /** Time from the push to the end, from a label of the image. */
  readonly expiresAfterMs: number | undefined
  /** Of a tag that belongs to another image by its name: true if that image is stored, or can be restored. */
  readonly hasSubject?: boolean | undefined
}

/** An image that has not been pulled counts as pulled when it was pushed: nobody could pull it before. */
export function pullTimeOf({ pulledAt, pushedAt }: TagFacts): number {
  return Math.max(pulledAt ?? 0, pushedAt)
}

/** The decision about a tag. */
export interface TagVerdict {
  readonly isKept: boolean
  /** The rule in a few words, or another cause such as `label`; undefined: none matches. */
  readonly rule: string | undefined
  /** The reason, for people. */
  readonly why: string
}
