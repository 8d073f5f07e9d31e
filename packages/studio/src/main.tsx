import { render } from "preact";
import "./style.css";
import { App } from "./app.js";
import { startApp } from "./state/app.js";
import { followPrompt } from "./state/images.js";

// Browsers run service workers only on safe origins; without one the page works, but not offline.
if (import.meta.env.PROD && "serviceWorker" in navigator)
  navigator.serviceWorker.register("./sw.js").catch(() => {});

startApp();
followPrompt();
render(<App />, document.getElementById("app")!);
