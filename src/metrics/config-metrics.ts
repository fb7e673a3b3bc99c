import { Injectable } from '@nestjs/common'
import { ConfigReload } from '../config/config-reload.js'
import { settingsDigest } from '../config/settings-diff.js'
import { Settings } from '../config/settings.js'
import { byField, MetricSet } from './metric-set.js'

@Injectable()
export class ConfigMetrics {
  constructor(set: MetricSet, settings: Settings, reload: ConfigReload) {
    set.gauges('nestwire_config_info', 'Always 1; the label is the digest of the settings in force.', {
      labelNames: ['digest'],
      read: () => [{ labels: { digest: settingsDigest(settings.current) }, figure: 1 }],
    })
    set.counters('nestwire_config_reloads_total', 'Reloads: settings in force anew, or left as they were.', {
      labelNames: ['outcome'],
      read: () => byField('outcome', reload.counts),
    })
    set.gauge('nestwire_config_last_reload_ok', '0 if the last reload changed nothing for its problems.', () =>
      Number(reload.last?.isOk ?? true),
    )
  }
}
