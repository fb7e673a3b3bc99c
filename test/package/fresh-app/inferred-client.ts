/** The same as `inferred.ts`, without Nest: what the client gives has names in `nestwire/client`. */
import { ClientConnection, connect, type ChatClient, type Room, type RoomItem } from 'nestwire/client'

export const open = () => connect()
export const openConnection = () => ClientConnection.open({ host: '127.0.0.1', port: 7420 })

export const ofConnection = (connection: ClientConnection) => ({
  welcome: connection.welcome,
  session: connection.session,
  closedBy: connection.closedBy,
})

export const ofClient = async (client: ChatClient) => ({
  session: client.session,
  status: client.status,
  ping: await client.ping(100),
  room: await client.join('lobby'),
  published: await client.publish('lobby', 'hi'),
})

export const ofRoom = async (room: Room) => ({
  name: room.name,
  end: room.endReason,
  published: await room.publish('hi'),
  items: room[Symbol.asyncIterator](),
})

export const ofItem = (item: RoomItem) =>
  item.kind === 'gap' ? { reason: item.reason, room: item.room } : { sender: item.sender, seq: item.seq }
