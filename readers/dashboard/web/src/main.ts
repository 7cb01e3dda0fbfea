import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";

import { startShell } from "./shell";
import { applyTheme } from "./theme";

applyTheme();
const app = document.getElementById("app");
if (app) startShell(app);
