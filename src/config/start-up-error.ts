/** Something the operator must mend before the server can start: the message alone, without a stack, says what. */
export class StartUpError extends Error {
  override readonly name: string = 'StartUpError'
}
