"""The demo: a simulated region played at speed through the real worker, with a screen that shows what is found."""
