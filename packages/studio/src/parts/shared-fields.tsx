/** The prompt and the seed that several views share. */
import type { Ignored } from "../engine/engine.js";
import { t } from "../i18n/index.js";
import { prompt, seed } from "../state/app.js";
import { NumberField } from "./fields.js";
import { PromptField } from "./prompt.js";

/** @param ignored the words of the prompt that did not affect the image */
export function SharedPrompt({ ignored }: { ignored: Ignored | undefined }) {
  return (
    <PromptField
      label={t("prompt")}
      value={prompt.value}
      ignored={ignored}
      onInput={(value) => {
        prompt.value = value;
      }}
    />
  );
}

export function SharedSeed() {
  return (
    <NumberField
      label={t("seed")}
      value={seed.value}
      onChange={(value) => {
        seed.value = value;
      }}
    />
  );
}
