// Starts the design system's components; a fragment that htmx brings needs none of them.
import { initAll } from "../nhsuk/nhsuk-frontend.min.js";

initAll();
