import {
  BadRequestException,
  Controller,
  Get,
  HttpCode,
  HttpException,
  HttpStatus,
  Post,
  Query,
  UseGuards,
} from '@nestjs/common'
import { ConfigReload, type ReloadResult } from '../config/config-reload.js'
import { originOf, type SourceName } from '../config/setting-sources.js'
import { settingsDigest, shownValue, type SettingChange, type ShownValue } from '../config/settings-diff.js'
import { settingsList } from '../config/settings-schema.js'
import { Settings } from '../config/settings.js'
import { AdminGuard } from './admin.guard.js'

interface SettingView {
  readonly name: string
  /** In force; a secret is shown as a mark that changes with it. */
  readonly value: ShownValue
  readonly origin: SourceName
  readonly isLive: boolean
  readonly unit?: string | undefined
}

interface ConfigView {
  readonly digest: string
  /** `null`: there is none. */
  readonly file: string | null
  readonly reloads: { readonly ok: number; readonly failed: number }
  /** `null` before the first. */
  readonly last: ReloadResult | null
  /** What waits for a restart, and what the file sets in vain. */
  readonly pending: readonly SettingChange[]
  readonly settings: readonly SettingView[]
}

@Controller('admin/config')
@UseGuards(AdminGuard)
export class ConfigController {
  constructor(
    private readonly settings: Settings,
    private readonly reload: ConfigReload,
  ) {}

  /** The settings in force. */
  @Get()
  view(): ConfigView {
    const { settings, reload } = this
    return {
      digest: settingsDigest(settings.current),
      file: reload.file?.path ?? null,
      reloads: { ...reload.counts },
      last: reload.last ?? null,
      pending: reload.pending,
      settings: settingsList.map(({ group, key, setting }) => ({
        name: setting.env,
        value: shownValue(setting, settings.current, group, key),
        origin: originOf(setting.env, setting.live ? reload.sources : reload.sourcesAtStart),
        isLive: setting.live,
        unit: setting.unit,
      })),
    }
  }

  /** Reloads, or with `?dryRun=true` says what that would do. 422 with the same body if the settings cannot be. */
  @Post()
  @HttpCode(HttpStatus.OK)
  async change(@Query() query: Readonly<Record<string, unknown>>): Promise<ReloadResult> {
    const { dryRun = 'false', ...unknown } = query
    // A misspelt dryRun must not reload.
    if ((dryRun !== 'true' && dryRun !== 'false') || Object.keys(unknown).length > 0) {
      throw new BadRequestException({ code: 'BAD_PAYLOAD', message: 'dryRun=true or dryRun=false, and nothing else' })
    }
    const result = dryRun === 'true' ? await this.reload.dryRun('admin') : await this.reload.run('admin')
    if (!result.isOk) throw new HttpException(result, HttpStatus.UNPROCESSABLE_ENTITY)
    return result
  }
}
