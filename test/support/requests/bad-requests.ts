const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\n'

/** Requests that two readers could understand in two ways, or that are not HTTP, and the status they get. */
export const BAD_REQUESTS: Readonly<Record<string, readonly [request: string, status: number]>> = {
  'both lengths': [`${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  'two lengths': [`${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`, 400],
  'a length that is none': [`${HEAD}Content-Length: 3x\r\n\r\nabc`, 400],
  'a negative length': [`${HEAD}Content-Length: -1\r\n\r\n`, 400],
  'a bad chunk size': [`${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n`, 400],
  'a chunk longer than said': [`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n`, 400],
  'an unknown transfer coding': [`${HEAD}Transfer-Encoding: xchunked, identity\r\n\r\nabc`, 400],
  'a coding before chunked': [`${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  'a coding before chunked, in a header of its own': [
    `${HEAD}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  'chunks in HTTP/1.0': ['POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  'chunks in HTTP/1.0 that would be kept': [
    'POST / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n',
    400,
  ],
  'a coding before chunked, to another protocol': [
    `${HEAD}Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  'a tunnel': ['CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 405],
  'an unknown expectation': [`GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n`, 417],
  'another version': ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
  'a space before the colon': ['GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n', 400],
  'a folded header': ['GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c: d\r\n\r\n', 400],
  'a NUL in a header': ['GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n', 400],
  'no host': ['GET / HTTP/1.1\r\n\r\n', 400],
  'another protocol': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  'too large a head': [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(40_000)}\r\n\r\n`, 431],
}
