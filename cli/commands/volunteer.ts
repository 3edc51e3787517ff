// mirrorswarm volunteer: runs the daemon until it is told to stop.

import type { VolunteerOptions } from '../../volunteer/main.ts'
import type { CarryOut } from '../command.ts'
import { dataFolderBeside, folderBeside, frontOptions, runDaemon, tlsFiles } from '../daemon.ts'
import type { Values } from '../option-spec.ts'
import { optionTables } from '../options.ts'
import { ServiceManager } from '../service-manager.ts'
import { UsageError } from '../usage-error.ts'

type Options = Values<typeof optionTables.volunteer>

/** With the slash at its end that the location has. */
const accelOptions = ({ accelRedirect, xSendfile, accelFolder, mirrorDir }: Options) => {
  if (accelRedirect !== null && xSendfile) {
    throw new UsageError('--accel-redirect is for nginx, --x-sendfile for others: name one of them')
  }
  if (accelRedirect === null && !xSendfile) {
    if (accelFolder === null) return null
    throw new UsageError(
      '--accel-redirect PREFIX (nginx) or --x-sendfile is missing: --accel-folder goes with one of them',
    )
  }
  const prefix = accelRedirect === null ? null : accelRedirect.replace(/\/*$/, '/')
  return { prefix, folder: accelFolder ?? folderBeside(mirrorDir, 'handed') }
}

/** The daemon's options from the command's. Throws UsageError for a pair that does not fit. */
export const volunteerOptions = (options: Options): VolunteerOptions => ({
  mirrorDir: options.mirrorDir,
  dataDir: options.data ?? dataFolderBeside(options.mirrorDir),
  originUrl: options.origin,
  token: options.token,
  listen: options.listen,
  publicUrl: options.publicUrl,
  name: options.name,
  tls: tlsFiles(options),
  include: options.include,
  exclude: options.exclude,
  uploadLimitBytesPerSecond: options.uploadLimit,
  downloadLimitBytesPerSecond: options.downloadLimit,
  compression: options.compression,
  bootstrap: options.bootstrap,
  quotaBytes: options.quota,
  minFreeBytes: options.minFree,
  maxClients: options.maxClients,
  hours: options.hours,
  networks: options.network,
  peerPort: options.peerPort,
  graceMs: options.grace,
  front: frontOptions(options),
  accelRedirect: accelOptions(options),
  logLevel: options.logLevel,
  logAddresses: options.logAddresses,
})

export const runVolunteer: CarryOut<typeof optionTables.volunteer> = async (values, io, reread) => {
  const { startVolunteer } = await import('../../volunteer/main.ts')
  await runDaemon(
    {
      table: optionTables.volunteer,
      values,
      reread,
      translate: volunteerOptions,
      service: new ServiceManager(process.env),
    },
    options => startVolunteer(options, { signal: io.stopped }),
    io,
  )
}
