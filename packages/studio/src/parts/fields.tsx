import { useId } from "preact/hooks";
import { t } from "../i18n/index.js";
import { chooseModel, model, modelList } from "../state/app.js";

/** A list to choose from, with its label. */
export function Choice<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: Value;
  /** Value and text of each. */
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value as Value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each} selected={each === value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A whole number from 0 on. */
export function NumberField({
  label,
  value,
  onChange,
  most = Number.MAX_SAFE_INTEGER,
}: {
  label: string;
  value: number;
  onChange: (value: number) => void;
  most?: number;
}) {
  const id = useId();
  const read = (text: string) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number <= most) onChange(number);
  };
  return (
    <div class="field number">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={0}
        max={most}
        step={1}
        inputMode="numeric"
        value={value}
        onInput={(event) => read(event.currentTarget.value)}
      />
    </div>
  );
}

/** The model that all views use. */
export function ModelChoice() {
  if (modelList.value.state !== "ready" || !model.value) return null;
  const { models } = modelList.value;
  return (
    <Choice
      label={t("model")}
      value={model.value.name}
      options={models.map(({ name, sizes }) => [
        name,
        sizes.length > 0 ? `${name} · ${sizes.at(-1)} px` : name,
      ])}
      onChange={chooseModel}
    />
  );
}

/** A slider that is a whole number of steps. */
export function Slider({
  label,
  value,
  most,
  text,
  onInput,
}: {
  label: string;
  value: number;
  most: number;
  /** The value for readers of the screen, and beside the slider. */
  text: string;
  onInput: (value: number) => void;
}) {
  const id = useId();
  return (
    <div class="field slider">
      <label for={id}>
        {label} <output for={id}>{text}</output>
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={most}
        step={1}
        value={value}
        aria-valuetext={text}
        onInput={(event) => onInput(Number(event.currentTarget.value))}
      />
    </div>
  );
}
