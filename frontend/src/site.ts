// On every page. Everything here adds to what already works without it.
import { copying } from "./site/copying";
import { suggesting } from "./site/suggesting";
import { themes } from "./site/themes";

themes();
copying();
suggesting();
