import { replyJson } from '../answer/reply.ts'
import type { Handler } from './routes.ts'

/** end-1: this is a registry, and the log-in is right. */
export const ping: Handler<'ping'> = async (_request, exchange) => {
  replyJson(exchange, {})
}
