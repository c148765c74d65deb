import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { webhooks } from '../../../config/values/notifications.ts'
import { WEBHOOK_ACTIONS } from '../../../config/webhook.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'

/** Bytes of a key that is made here, as Standard Webhooks advises. */
const KEY_BYTES = 32

/** `berth webhook add`. */
export function addWebhookAdd(webhook: Command, io: Io): void {
  webhook
    .command('add <name> <url>')
    .description('Add a webhook. The key of its signatures is made, and shown this once.')
    .option('--repository <PATTERN...>', "repositories such as 'team/**'; by default all")
    .option('--action <ACTION...>', 'actions such as manifest.push; by default all')
    .option('--format <FORMAT>', 'cloudevents, distribution or docker-hub', 'cloudevents')
    .option('--header <LINE...>', 'header of each request, as "Name: value"; it is not shown again')
    .option('--timeout <MS>', 'longest wait for the answer, in milliseconds', '10000')
    .action(async (name: string, url: string, _options, command: Command) => {
      const context = createContext(command, io)
      const wanted = parseWebhook({ name, url, ...readFlags(context.flags) })
      const secret = `whsec_${randomBytes(KEY_BYTES).toString('base64')}`
      await using data = await openDataOf(context)
      if (!(await data.webhooks.add({ ...wanted, secret }, findOperator())))
        throw new CliError('WEBHOOK_EXISTS', `There is a webhook ${name} already`)
      printResult(
        context,
        { name, secret },
        `The webhook ${name} gets events from now on\nKey of its signatures, which is not shown again: ${secret}`,
      )
    })
}

function readFlags(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const headers: Record<string, string> = {}
  for (const line of (flags.header as string[] | undefined) ?? []) {
    const colon = line.indexOf(':')
    // The line is not shown: it may hold a log-in.
    if (colon < 1) throw new CliError('USAGE', '--header must be "Name: value"')
    headers[line.slice(0, colon)] = line.slice(colon + 1).trim()
  }
  const actions = (flags.action as string[] | undefined) ?? []
  const unknown = actions.find((action) => !WEBHOOK_ACTIONS.includes(action))
  if (unknown !== undefined)
    throw new CliError('USAGE', `"${unknown}" is no action of webhooks`, {
      remedy: `Those are ${WEBHOOK_ACTIONS.join(', ')}`,
    })
  return {
    headers,
    actions,
    format: flags.format,
    timeoutMs: Number(flags.timeout),
    ...(flags.repository !== undefined && { repositories: flags.repository }),
  }
}

function parseWebhook(value: unknown): ReturnType<typeof webhooks.parse>[number] {
  const parsed = webhooks.safeParse([value])
  const [webhook] = parsed.data ?? []
  if (webhook) return webhook
  const [issue] = parsed.error?.issues ?? []
  throw new CliError('USAGE', `${String(issue?.path.at(1) ?? 'the webhook')} ${issue?.message ?? 'is wrong'}`)
}
