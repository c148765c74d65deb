import { der, derOid, TAG } from '../der.ts'

const TAG_PRINTABLE_STRING = 0x13
const TAG_IA5_STRING = 0x16

/** Attributes of a subject that CAs ask for, with their longest values (RFC 5280 appendix A). */
const ATTRIBUTES = {
  C: { oid: '2.5.4.6', maxLength: 2 },
  ST: { oid: '2.5.4.8', maxLength: 128 },
  L: { oid: '2.5.4.7', maxLength: 128 },
  STREET: { oid: '2.5.4.9', maxLength: 128 },
  postalCode: { oid: '2.5.4.17', maxLength: 40 },
  O: { oid: '2.5.4.10', maxLength: 64 },
  OU: { oid: '2.5.4.11', maxLength: 64 },
  CN: { oid: '2.5.4.3', maxLength: 64 },
  serialNumber: { oid: '2.5.4.5', maxLength: 64 },
  emailAddress: { oid: '1.2.840.113549.1.9.1', maxLength: 255 },
} as const

/** A part of a subject, such as `CN=example.com`. */
export type SubjectAttribute = keyof typeof ATTRIBUTES
/** A subject in the order in which it is written. */
export type Subject = readonly (readonly [SubjectAttribute, string])[]

/** Longest name, of the longest attribute. */
export const MAX_COMMON_NAME_LENGTH: number = ATTRIBUTES.CN.maxLength

/** True for the name of an attribute. */
export function isSubjectAttribute(name: string): name is SubjectAttribute {
  return Object.hasOwn(ATTRIBUTES, name)
}

/** Fault of the value of an attribute; undefined if it has none. */
export function findFault([name, value]: Subject[number]): string | undefined {
  const { maxLength } = ATTRIBUTES[name]
  if (name === 'C' && !/^[A-Z]{2}$/.test(value)) return 'C is a country in two capital letters, such as US'
  if (value.length > maxLength) return `${name} has ${maxLength} characters at most`
  return /\p{Cc}/u.test(value) ? `${name} holds a control character` : undefined
}

/** Encodes a subject (RFC 5280 section 4.1.2.4). */
export function subjectName(subject: Subject): Buffer {
  const parts = subject.map(([name, value]) => {
    const tag =
      name === 'C' || name === 'serialNumber'
        ? TAG_PRINTABLE_STRING
        : name === 'emailAddress'
          ? TAG_IA5_STRING
          : TAG.utf8String
    return der(TAG.set, der(TAG.sequence, derOid(ATTRIBUTES[name].oid), der(tag, Buffer.from(value))))
  })
  return der(TAG.sequence, ...parts)
}
