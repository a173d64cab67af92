(()=>{"use strict";const e=document.querySelector("#app");e.textContent="ready"})();
