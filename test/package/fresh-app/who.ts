/** Asks a service of that user who it is: the arguments are its port and a token. Prints the answer, or the code of the failure. */
import 'reflect-metadata'
import { NestwireClient, type ClientError } from 'nestwire'
import { catchError, lastValueFrom, of } from 'rxjs'

const [port, token] = process.argv.slice(2)
const client = new NestwireClient({ port: Number(port), ...(token !== undefined && { token }) })
const who = client.send<string>('whoami', {}).pipe(catchError((error: ClientError) => of(error.code)))
console.log(await lastValueFrom(who))
await client.close()
