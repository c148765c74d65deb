import type { RepositoryName } from '../oci/repository-name.ts'
import { ASPECT_SCHEMAS, type Aspects } from './aspects.ts'
import { decideAspect } from './decide-aspect.ts'
import type { PolicyDocument } from './policy-document.ts'

/** The decision about one aspect of a repository. */
export interface ExplainedAspect {
  readonly aspect: keyof Aspects
  /** Undefined: no policy that names the repository has the aspect. */
  readonly decided: { readonly index: number; readonly pattern: string; readonly value: unknown } | undefined
}

/** The decisions about all aspects of a repository. */
export function explainAspects(document: PolicyDocument, repository: RepositoryName): ExplainedAspect[] {
  const aspects = Object.keys(ASPECT_SCHEMAS) as (keyof Aspects)[]
  return aspects.map((aspect) => ({ aspect, decided: decideAspect(document, repository, aspect) }))
}
