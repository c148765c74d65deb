import type { Command } from 'commander'
import { parseTag, type Tag } from '../../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import { decideAspect } from '../../../policies/decide-aspect.ts'
import { type ExplainedAspect, explainAspects } from '../../../policies/explain-aspects.ts'
import { findImmutableTags } from '../../../policies/immutable-tags.ts'
import type { PolicyDocument } from '../../../policies/policy-document.ts'
import { findQuota } from '../../../policies/quotas.ts'
import { findRuleFor } from '../../../policies/retention/explain-tag.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import type { Io } from '../../io.ts'
import { describeQuota, type QuotaUse } from '../../output/describe-quota.ts'
import { formatTable } from '../../output/table.ts'
import { readPolicyFile } from './policy-file.ts'

/** `berth policy test`. */
export function addPolicyTest(policy: Command, io: Io): void {
  policy
    .command('test <repository>')
    .description('Show which policy decides each aspect of a repository, or of NAME:TAG, and why.')
    .option('--file <FILE>', 'the policies of a file, in place of those in force')
    .action(async (text: string, options: { file?: string }, command: Command) => {
      const context = createContext(command, io)
      const { repository, tag } = parseTarget(text)
      const document = await readDocument()
      const aspects = explainAspects(document, repository).map((explained) => ({
        aspect: explained.aspect,
        policy: explained.decided?.index ?? null,
        pattern: explained.decided?.pattern ?? null,
        value: explained.decided?.value ?? null,
        why: explainWhy(document, { explained, repository, tag }),
      }))
      const rows = aspects.map(({ aspect, policy: index, pattern, why }) => [
        aspect,
        index === null ? '-' : `policies[${index}]`,
        pattern ?? '-',
        why,
      ])
      const quota = findQuota(document, repository.split('/', 1)[0] ?? repository)
      const use = quota && options.file === undefined ? await readUse(quota.namespace) : undefined
      rows.push([
        'quota',
        quota ? 'quotas' : '-',
        quota?.namespace ?? '-',
        quota ? describeQuota(quota, use) : 'no quota applies',
      ])
      printResult(
        context,
        { repository, tag: tag ?? null, aspects, quota: quota ? { ...quota, use: use ?? null } : null },
        formatTable(['ASPECT', 'DECIDED BY', 'FOR', 'WHY'], rows),
      )

      async function readUse(namespace: string): Promise<QuotaUse> {
        await using data = await openDataOf(context)
        return await data.repositories.findUse(namespace)
      }

      /** A file is tested without any data: before the first start, too. */
      async function readDocument(): Promise<PolicyDocument> {
        if (options.file !== undefined) return (await readPolicyFile(io, options.file)).document
        await using data = await openDataOf(context)
        return (await data.policies.read()).document
      }
    })
}

function parseTarget(text: string): { repository: RepositoryName; tag: Tag | undefined } {
  const [name = '', tag] = text.split(':', 2)
  return { repository: parseRepositoryName(name), tag: tag === undefined ? undefined : parseTag(tag) }
}

function explainWhy(
  document: PolicyDocument,
  {
    explained: { aspect, decided },
    repository,
    tag,
  }: { explained: ExplainedAspect; repository: RepositoryName; tag: Tag | undefined },
): string {
  if (!decided) return 'no policy for this repository has it'
  const value = JSON.stringify(decided.value)
  if (aspect === 'retention' && tag !== undefined) {
    const rule = findRuleFor(decideAspect(document, repository, 'retention')?.value, tag)
    return rule === undefined ? `${tag} stays: no rule matches it` : `${tag} is decided by ${rule}`
  }
  if (aspect !== 'immutable' || tag === undefined) return value
  const pattern = findImmutableTags(document, repository)?.findPattern(tag)
  return pattern === undefined
    ? `${tag} may be changed: ${value} does not name it, or takes it out`
    : `${tag} is immutable: ${pattern} of ${value} names it`
}
