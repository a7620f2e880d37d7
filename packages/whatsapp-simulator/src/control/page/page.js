"use strict";
document.title = "Sandi";
