import type { z as Zod } from 'zod'
import { z } from '../config/values/zod.ts'

/** The keys that an object at a path of a document may have; empty if the schema says nothing about it. */
export function findKeys(schema: unknown, path: readonly PropertyKey[]): string[] {
  const inner = unwrap(schema)
  const [step, ...rest] = path
  if (inner instanceof z.ZodArray) return findKeys(inner.element, rest)
  if (inner instanceof z.ZodRecord) return findKeys(inner.valueType, rest)
  if (inner instanceof z.ZodUnion) {
    return [...new Set(inner.options.flatMap((option) => findKeys(option, path)))]
  }
  if (!(inner instanceof z.ZodObject)) return []
  if (step === undefined) return Object.keys(inner.shape)
  return findKeys((inner.shape as Record<PropertyKey, unknown>)[step], rest)
}

/** The schema within those that only allow its absence, give it a default or forbid to change it. */
function unwrap(schema: unknown): unknown {
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodReadonly
  return isWrapper ? unwrap((schema as Zod.ZodOptional).unwrap()) : schema
}
