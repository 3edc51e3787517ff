// What the demo publishes: an apt and an rpm repository, an installation image that contains the
// packages, and plain files; and an old copy of it, as an existing mirror has one.

import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { missing } from '../../loadtest/programs.ts'
import { AptRepository, samplePackages } from '../../loadtest/sample/apt-repository.ts'
import { fileTree } from '../../loadtest/sample/file-tree.ts'
import { imageFile } from '../../loadtest/sample/image-file.ts'
import { publishRpms, rpmPrograms } from '../../loadtest/sample/rpm-repository.ts'

export const imagePath = 'images/installer.iso'
const imageBytes = 210_000_000

export interface Stage {
  readonly root: string
  /** A mirror of an earlier state, with a file that nobody published. */
  readonly oldCopy: string
  /** Plain files, as paths below the root. */
  readonly files: readonly string[]
  readonly apt: AptRepository | null
  readonly hasRpms: boolean
}

/** Build everything; `note` is told what is built and what is skipped for want of programs. */
export const buildStage = async (
  folder: string,
  root: string,
  note: (text: string) => void,
): Promise<Stage> => {
  const place = (...names: string[]): string => join(root, ...names)
  for (const name of ['debian', 'rpm', 'images', 'files']) {
    mkdirSync(place(name), { recursive: true })
  }
  const files = fileTree(place('files'), { files: 60, bytes: 24_000_000, seed: 4 }).map(
    ({ path }) => `files/${path}`,
  )
  note(`files/: ${files.length} files with the sizes of an archive`)

  const noApt = missing('dpkg-deb')
  const old = samplePackages.filter(each => each.version !== '1.1')
  const young = samplePackages.filter(each => each.version === '1.1')
  const apt = noApt === false ? await AptRepository.create(place('debian'), folder, old) : null
  if (apt === null) note(`debian/ skipped: ${noApt}`)
  else if (apt.keyring === null) note(`debian/ is not signed: ${missing('gpg')}`)

  const oldCopy = join(folder, 'old-copy')
  cpSync(root, oldCopy, { recursive: true, preserveTimestamps: true })
  writeFileSync(join(oldCopy, 'README.local'), 'This file is the department’s own.\n')
  writeFileSync(join(oldCopy, files[0] ?? 'stale'), 'an older version of this file\n')

  if (apt !== null) {
    await apt.publish(young)
    note(`debian/: ${apt.files.length} packages${apt.keyring === null ? '' : ', signed'}`)
  }
  const noRpm = missing(...rpmPrograms)
  if (noRpm === false) {
    await publishRpms(place('rpm'))
    note('rpm/: packages with repodata')
  } else note(`rpm/ skipped: ${noRpm}`)

  const members = apt?.files ?? files.slice(0, 5).map(path => place(path))
  await imageFile(place(imagePath), { members, sizeBytes: imageBytes, seed: 'demo' })
  note(`${imagePath}: ${imageBytes / 1e6} MB, contains ${members.length} of the files`)
  return { root, oldCopy, files, apt, hasRpms: noRpm === false }
}
