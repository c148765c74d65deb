declare module 'unix-crypt-td-js' {
  /** crypt(3) with DES. Of the password the low seven bits of the first eight bytes count. */
  function unixCryptTD(password: readonly number[], salt: string): string
  export = unixCryptTD
}
