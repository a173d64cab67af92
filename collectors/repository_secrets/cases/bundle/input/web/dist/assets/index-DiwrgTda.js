(()=>{"use strict";const e={apiToken:"ghp_FakeExhibitValue0NotARealKey70ABCDEF"};fetch("/api",{headers:{authorization:"token "+e.apiToken}})})();
