import { type CompileContext, close, warn } from '../directives/compile-context.ts'
import { isProtective } from '../directives/directive-table.ts'
import type { Directive } from '../syntax/parser.ts'

/** Notes a mistake in a directive: it closes the host if the directive may protect something, else it warns. */
export function reportFault(context: CompileContext, directive: Directive, message: string): void {
  if (isProtective(directive.name)) close(context, directive, message)
  else warn(context, directive, `${message}; it is passed over`)
}
