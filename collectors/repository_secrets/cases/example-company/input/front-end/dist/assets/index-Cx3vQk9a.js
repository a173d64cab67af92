(()=>{"use strict";const s={mapsKey:window.mapsKey,webhookSecret:"hQ7vHalyardNotReal3kZpW9"};document.title="Harbour Lane"})();
