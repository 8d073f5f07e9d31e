import { render } from "preact";
import "@picocss/pico/css/pico.violet.min.css";
import "./style.css";
import { App } from "./app.js";
import { startApp } from "./state/app.js";
import { followPrompt } from "./state/images.js";

startApp();
followPrompt();
render(<App />, document.getElementById("app")!);
