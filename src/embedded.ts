/** What an application that has the whole chat server in it imports as `nestwire/server`: it loads all of the server. */
export { ClusterRouter, type Place, type Route } from './cluster/cluster-router.js'
export type { GivenSettings } from './config/read-settings.js'
export { Settings } from './config/settings.js'
export { StartUpError } from './config/start-up-error.js'
export { NestwireModule, type NestwireModuleOptions } from './nestwire.module.js'
export { DefaultRoomPolicy, RoomPolicy } from './rooms/room-policy.js'
export type { Standing } from './rooms/room.js'
