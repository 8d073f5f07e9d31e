import type { Pins } from "./npm-packages.js";

/** The packages with the sets of `emojiSets`, the words and Unicode's list of emoji. */
export const emojiPackages: Pins = {
  "@iconify-json/noto": {
    version: "1.2.9",
    integrity:
      "sha512-DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
    bytes: 3102958,
  },
  "@iconify-json/noto-v1": {
    version: "1.2.5",
    integrity:
      "sha512-/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==",
    bytes: 1587591,
  },
  "@iconify-json/fluent-emoji": {
    version: "1.2.7",
    integrity:
      "sha512-D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==",
    bytes: 14323330,
  },
  "@iconify-json/fluent-emoji-flat": {
    version: "1.2.6",
    integrity:
      "sha512-RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    bytes: 1172438,
  },
  "@iconify-json/twemoji": {
    version: "1.2.5",
    integrity:
      "sha512-uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==",
    bytes: 1555888,
  },
  "@iconify-json/emojione": {
    version: "1.2.3",
    integrity:
      "sha512-T9+T3HIbJNLKKsmxYKlaYhvnHYkz/HNYTV7SHCXVZPfeUi4FqskY70YeN8yYAZT8cCv7w5vJxS4Q1m8zb9CMMg==",
    bytes: 687690,
  },
  "@iconify-json/fxemoji": {
    version: "1.2.2",
    integrity:
      "sha512-UAasRaxzFUKfIGSmLwnoarsssA4LX0VLLuEmplIqM6ZNQqIQRtav8tZ4H1neTlBreXuMQyAifr5jP4kn78DpiQ==",
    bytes: 1034876,
  },
  "cldr-annotations-full": {
    version: "48.2.0",
    integrity:
      "sha512-DV7A+rEcgUSNTRsVGNGqBZRmAkGfwhGHO5Q1dRwzBoBnVrHWp804JP7/QJdEc66iHmx3+zLWVIMCFLm0lW7PUQ==",
    bytes: 6537823,
  },
  "cldr-annotations-derived-full": {
    version: "48.2.0",
    integrity:
      "sha512-log62km+AOzI7n/NEuNNFV0mg9DWnt67EYCh1RwxZq9dyRuyteB586LT83Ke8TchEfnwI9cIk2P31zO4nTvZmw==",
    bytes: 4233628,
  },
  "emojibase-data": {
    version: "17.0.0",
    integrity:
      "sha512-Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
    bytes: 6711091,
  },
  "@iconify/types": {
    version: "2.0.0",
    integrity:
      "sha512-+wluvCrRhXrhyOmRDJ3q8mux9JkKy5SJ/v8ol2tu4FVjyYvtEzkc/3pK15ET6RKg4b4w4BmTk1+gsCUhf21Ykg==",
    bytes: 4000,
  },
};

/** The packages with the sets of `shareAlikeSets`. */
export const shareAlikePackages: Pins = {
  "@iconify-json/openmoji": {
    version: "1.2.29",
    integrity:
      "sha512-vXdhkqcXVSO6suy+m9LbcUM3OdVyuNOtpV8/als/WqfkQIRxevL5Geb/g+6GH/Qwnq1OqksEmaDGTCmZ5nFKJQ==",
    bytes: 1264633,
  },
  "@iconify-json/emojione-v1": {
    version: "1.2.3",
    integrity:
      "sha512-UjI2VQEXVtGlPBvQuxEizro7QCgBcJDOYwKUupquvvZ8UV4xOlvm45IU82JYWegiAWLerY79gFLMZ26U6Ms+ww==",
    bytes: 3704153,
  },
  "@iconify/types": {
    version: "2.0.0",
    integrity:
      "sha512-+wluvCrRhXrhyOmRDJ3q8mux9JkKy5SJ/v8ol2tu4FVjyYvtEzkc/3pK15ET6RKg4b4w4BmTk1+gsCUhf21Ykg==",
    bytes: 4000,
  },
};
